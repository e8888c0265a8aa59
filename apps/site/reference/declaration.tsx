import { type Code, nameOf, type Piece } from './code'
import { Description, Prose, parameterText } from './comment'
import type { PublicName, PublicNames } from './names'
import { type Declaration, Kind, type Signature } from './typedoc'

/** Pieces of code with their colours and links. */
function Pieces({ pieces }: { pieces: readonly Piece[] }) {
  return (
    <>
      {pieces.map(({ text, role, href }, i) => {
        const colour = role === 'keyword' ? 'hljs-keyword' : role === 'string' ? 'hljs-string' : undefined
        if (href)
          return (
            <a key={i} href={href}>
              {text}
            </a>
          )
        return colour ? (
          <span key={i} class={colour}>
            {text}
          </span>
        ) : (
          text
        )
      })}
    </>
  )
}

const kindNames: Record<number, string> = {
  [Kind.class]: 'class',
  [Kind.interface]: 'interface',
  [Kind.function]: 'function',
  [Kind.variable]: 'constant',
  [Kind.typeAlias]: 'type',
}

export const kindOf = ({ kind }: Declaration): string => kindNames[kind]

/** Calls of a function, a constructor or a method, with what is said about each. */
function Calls({ code, signatures, name }: { code: Code; signatures: readonly Signature[]; name: string }) {
  return (
    <>
      {signatures.map((signature) => (
        <div key={signature.id} class="call">
          <pre class="signature">
            <code>
              <Pieces pieces={code.signature(signature, name)} />
            </code>
          </pre>
          <Description names={code.names} comment={signature.comment} />
          <Arguments names={code.names} signature={signature} />
        </div>
      ))}
    </>
  )
}

function Arguments({ names, signature }: { names: PublicNames; signature: Signature }) {
  const described = (signature.parameters ?? []).filter(({ comment }) => comment)
  if (described.length === 0) return null
  return (
    <dl class="arguments">
      {described.map(({ name, comment }) => (
        <div key={name}>
          <dt>
            <code>{nameOf(name)}</code>
          </dt>
          <dd>
            <Prose names={names} markdown={parameterText(comment)} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

const flagNames = [
  ['isStatic', 'static'],
  ['isAbstract', 'abstract'],
  ['isProtected', 'for subclasses'],
] as const

/** A field or a method, with an anchor of its own. */
function Member({ code, owner, member }: { code: Code; owner: string; member: Declaration }) {
  const { name, flags, type, signatures, getSignature, setSignature, comment } = member
  const anchor = `${owner}.${name}`
  const marks = flagNames.filter(([flag]) => flags[flag]).map(([, mark]) => mark)
  const readonly = flags.isReadonly || (getSignature && !setSignature)
  return (
    <section class="member">
      <h3 id={anchor}>
        <a class="anchor" href={`#${anchor}`}>
          {name}
        </a>
        {marks.map((mark) => (
          <span key={mark} class="mark-of">
            {mark}
          </span>
        ))}
      </h3>
      {signatures ? (
        <Calls code={code} signatures={signatures} name={name} />
      ) : (
        <>
          <pre class="signature">
            <code>
              {readonly && <span class="hljs-keyword">readonly </span>}
              {`${name}${flags.isOptional ? '?' : ''}: `}
              <Pieces pieces={code.type(type ?? getSignature?.type ?? setSignature?.parameters?.[0].type)} />
            </code>
          </pre>
          <Description names={code.names} comment={comment ?? getSignature?.comment ?? setSignature?.comment} />
        </>
      )}
    </section>
  )
}

/** What a class or an interface has of another, with links to there. */
function Inherited({ code, members }: { code: Code; members: readonly Declaration[] }) {
  if (members.length === 0) return null
  return (
    <p class="inherited">
      <span class="soft">Inherited: </span>
      {members.map(({ id, name, inheritedFrom }, i) => {
        const href = code.names.addressOf(inheritedFrom?.target) ?? code.names.addressOfCode(inheritedFrom?.name ?? '')
        return (
          <>
            {i > 0 && ', '}
            {href ? (
              <a key={id} href={href}>
                <code>{name}</code>
              </a>
            ) : (
              <code key={id}>{name}</code>
            )}
          </>
        )
      })}
    </p>
  )
}

/** The line that names what a class, an interface, a constant or a type is. */
function headOf(
  code: Code,
  { kind, name, type, typeParameters, extendedTypes = [], implementedTypes = [] }: Declaration,
): Piece[] {
  const keyword = (text: string): Piece => ({ text, role: 'keyword' })
  const list = (word: string, types: typeof extendedTypes): Piece[] =>
    types.flatMap((one, i) => [i === 0 ? keyword(` ${word} `) : { text: ', ' }, ...code.type(one)])
  const own = [{ text: name }, ...code.typeParameters(typeParameters)]
  if (kind === Kind.variable) return [keyword('const '), ...own, { text: ': ' }, ...code.type(type)]
  if (kind === Kind.typeAlias) return [keyword('type '), ...own, { text: ' = ' }, ...code.type(type)]
  return [
    keyword(`${kindNames[kind]} `),
    ...own,
    ...list('extends', extendedTypes),
    ...list('implements', implementedTypes),
  ]
}

/** Where the name is imported from. */
const entryText = ({ entries }: PublicName): string =>
  entries.map(({ module, nodeOnly }) => (nodeOnly ? `${module} (in Node)` : module)).join(', ')

/** The members that are described where they stand. */
export const ownMembers = ({ children = [] }: Declaration): Declaration[] =>
  children.filter(({ kind, name, flags }) => kind !== Kind.constructor && !flags.isInherited && !isSymbol(name))

/** Members under symbols, such as what console.log shows, are for the platform and not for programs. */
const isSymbol = (name: string): boolean => name.startsWith('[')

/** One public name with everything that is said about it. */
export function Described({ code, name: found }: { code: Code; name: PublicName }) {
  const { declaration } = found
  const { name, kind, signatures, comment, children = [] } = declaration
  const construction = children.find((child) => child.kind === Kind.constructor)
  return (
    <section class="declaration">
      <h2 id={name}>
        <a class="anchor" href={`#${name}`}>
          {name}
        </a>
      </h2>
      <p class="from">
        <span class={`kind ${kindOf(declaration)}`}>{kindOf(declaration)}</span> {entryText(found)}
      </p>
      {kind === Kind.function ? (
        <Calls code={code} signatures={signatures ?? []} name={name} />
      ) : (
        <>
          <pre class="signature">
            <code>
              <Pieces pieces={headOf(code, declaration)} />
            </code>
          </pre>
          <Description names={code.names} comment={comment} />
        </>
      )}
      {construction?.signatures && <Calls code={code} signatures={construction.signatures} name={`new ${name}`} />}
      {ownMembers(declaration).map((member) => (
        <Member key={member.id} code={code} owner={name} member={member} />
      ))}
      <Inherited
        code={code}
        members={children.filter(
          ({ kind, name, flags }) => flags.isInherited && kind !== Kind.constructor && !isSymbol(name),
        )}
      />
    </section>
  )
}
