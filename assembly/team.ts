/**
 * Threads that share the units of a single part, because a small batch has no other: they do each phase of a pass together
 * and meet after it. One of them leads. It begins alone, so that nobody waits for threads that have to wake up first, and
 * takes in whoever has come at the next meeting; if one takes long, because other programs need the processors, it does
 * the rest alone.
 */
import { CLOSED, LINE, PATIENCE } from "./constants";
import { Plan } from "./plan";

/**
 * Zeros at first, but for the silence. The phases that each member has done lie behind it, a line of the caches apart: see
 * `doneBy`.
 */
@unmanaged
export class Team {
  /** Threads that have come, the lead first; at least CLOSED once nobody is taken in any more. */
  come: i32;
  /**
   * How many are members in even phases, and in odd ones: the lead counts those of the next phase while others may still
   * read how many this one has.
   */
  inEven: i32;
  inOdd: i32;
  /** Members that sleep, and whether one had to in a meeting. */
  asleep: i32;
  slow: i32;
  /** Milliseconds after which, the second time, a member that has not moved is taken for dead. */
  silence: i32;
  /** Set where that happened. */
  failed: i32;
}

/**
 * Looks before a member goes to sleep in a meeting: some milliseconds, in which the system gives a processor to each of
 * two threads that woke up on the same one.
 */
const LOOKS: i32 = 50 * PATIENCE;

/** Comes to a pass. Returns the number of this member, at least CLOSED for those that are too late. */
export function join(plan: Plan): i32 {
  return atomic.add<i32>(plan.team + offsetof<Team>("come"), 1);
}

/** The first of `phases` phases that a member takes part in; `phases` if there is none. */
export function begin(plan: Plan, member: i32, phases: i32): i32 {
  if (member >= CLOSED) return phases;
  if (member == 0) {
    store<i32>(membersAt(plan, 0), 1);
    return 0;
  }
  until(plan, doneBy(plan, member), 1);
  return changetype<Team>(plan.team).failed ? phases : atomic.load<i32>(doneBy(plan, member));
}

/** How many share the work of a phase. */
export function membersIn(plan: Plan, phase: i32): i32 {
  return atomic.load<i32>(membersAt(plan, phase));
}

/** Meets the others at the end of a phase, until all have done it. Returns this member's next phase, or `phases`. */
export function meet(plan: Plan, member: i32, phase: i32, phases: i32): i32 {
  const next = phase + 1, members = membersIn(plan, phase), team = changetype<Team>(plan.team);
  // Nobody is taken in for a phase that does not come, and nobody goes on where a meeting took long.
  const last = next == phases || team.slow != 0;
  let come = 0;
  plan.beat++;
  if (member == 0) {
    const at = plan.team + offsetof<Team>("come");
    come = last ? atomic.xchg<i32>(at, CLOSED) : atomic.load<i32>(at);
    atomic.store<i32>(membersAt(plan, next), last ? 1 : come);
  }
  send(plan, doneBy(plan, member), next);
  // What the lead says comes first: whether this member goes on, and with whom.
  for (let i = 0; i < members; i++) {
    if (i != member && until(plan, doneBy(plan, i), next)) team.slow = 1;
  }
  // Those who have come since the phase began take part in the next one, once this one is done by all.
  if (come < CLOSED) for (let i = members; i < come; i++) send(plan, doneBy(plan, i), last ? phases : next);
  return member < membersIn(plan, next) && !team.failed ? next : phases;
}

function membersAt(plan: Plan, phase: i32): usize {
  return plan.team + (phase & 1 ? offsetof<Team>("inOdd") : offsetof<Team>("inEven"));
}

function doneBy(plan: Plan, member: i32): usize {
  return plan.team + <usize>((member + 1) * LINE);
}

function send(plan: Plan, to: usize, value: i32): void {
  atomic.store<i32>(to, value);
  if (atomic.load<i32>(plan.team + offsetof<Team>("asleep"))) atomic.notify(to);
}

/** Waits until what lies at `at` is at least `value`. Returns whether this thread went to sleep. */
function until(plan: Plan, at: usize, value: i32): bool {
  for (let i = 0; i < LOOKS; i++) if (atomic.load<i32>(at) >= value) return false;
  const team = changetype<Team>(plan.team);
  atomic.add<i32>(plan.team + offsetof<Team>("asleep"), 1);
  for (let silences = 0; !team.failed;) {
    const seen = atomic.load<i32>(at);
    if (seen >= value) break;
    const nanoseconds: i64 = <i64>team.silence * 1_000_000;
    if (atomic.wait<i32>(at, seen, nanoseconds) == AtomicWaitResult.TIMED_OUT && ++silences == 2) team.failed = 1;
  }
  atomic.sub<i32>(plan.team + offsetof<Team>("asleep"), 1);
  return true;
}
