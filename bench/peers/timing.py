"""What the peers in Python share."""
import json
import sys
import time


def median_time(step, count):
    """The median of at least `count` steps without a pause, because threads need a while after one to get their cores."""
    start = time.perf_counter()
    while time.perf_counter() < start + 0.1:
        step()
    times, begin = [], time.perf_counter()
    while len(times) < count or time.perf_counter() < begin + 0.2:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def serve(jobs):
    """Reads one JSON object per line, and writes what the job of that name returns."""
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(jobs[job.pop("job")](**job)), flush=True)
