import type { PublicNames } from './names'
import type { Parameter, Signature, Type, TypeParameter } from './typedoc'

/** A piece of a signature: text with its role for the colours, and where it leads. */
export interface Piece {
  text: string
  role?: 'keyword' | 'string' | 'name'
  href?: string
}

type Pieces = Piece[]

const text = (text: string): Piece => ({ text })
const keyword = (text: string): Piece => ({ text, role: 'keyword' })

/** Lists of pieces with a separator between each two. */
const joined = (lists: readonly Pieces[], separator: string): Pieces =>
  lists.flatMap((list, i) => (i === 0 ? list : [text(separator), ...list]))

/** The number of characters of pieces. */
const lengthOf = (pieces: Pieces): number => pieces.reduce((sum, { text }) => sum + text.length, 0)

/** A line longer than this becomes several. */
const WIDTH = 76

/** Writes types and signatures as TypeScript has them, with links to what they name. */
export class Code {
  constructor(readonly names: PublicNames) {}

  type(type: Type | undefined): Pieces {
    if (!type) return [keyword('unknown')]
    switch (type.type) {
      case 'intrinsic':
      case 'unknown':
        return [keyword(type.name)]
      case 'literal':
        return [{ text: typeof type.value === 'string' ? `'${type.value}'` : String(type.value), role: 'string' }]
      case 'reference':
        return [
          { text: type.name, role: 'name', href: this.names.addressOf(type.target) },
          ...this.#arguments(type.typeArguments),
        ]
      case 'union':
        return joined(
          type.types.map((one) => this.#grouped(one, ['function'])),
          ' | ',
        )
      case 'intersection':
        return joined(
          type.types.map((one) => this.#grouped(one, ['function', 'union'])),
          ' & ',
        )
      case 'array':
        return [...this.#grouped(type.elementType, ['function', 'union', 'intersection', 'typeOperator']), text('[]')]
      case 'tuple':
        return [
          text('['),
          ...joined(
            (type.elements ?? []).map((one) => this.type(one)),
            ', ',
          ),
          text(']'),
        ]
      case 'namedTupleMember':
        return [text(`${type.name}${type.isOptional ? '?' : ''}: `), ...this.type(type.element)]
      case 'rest':
        return [text('...'), ...this.type(type.elementType)]
      case 'optional':
        return [...this.type(type.elementType), text('?')]
      case 'typeOperator':
        return [keyword(`${type.operator} `), ...this.#grouped(type.target, ['union'])]
      case 'indexedAccess':
        return [...this.type(type.objectType), text('['), ...this.type(type.indexType), text(']')]
      case 'query':
        return [keyword('typeof '), ...this.type(type.queryType)]
      case 'predicate':
        return [
          ...(type.asserts ? [keyword('asserts ')] : []),
          text(type.name),
          ...(type.targetType ? [keyword(' is '), ...this.type(type.targetType)] : []),
        ]
      case 'templateLiteral':
        return [
          text(`\`${type.head}`),
          ...type.tail.flatMap(([one, after]) => [text('${'), ...this.type(one), text(`}${after}`)]),
          text('`'),
        ]
      case 'conditional':
        return [
          ...this.type(type.checkType),
          keyword(' extends '),
          ...this.type(type.extendsType),
          text(' ? '),
          ...this.type(type.trueType),
          text(' : '),
          ...this.type(type.falseType),
        ]
      case 'mapped':
        return [
          text(`{ [${type.parameter} `),
          keyword('in '),
          ...this.type(type.parameterType),
          text(']: '),
          ...this.type(type.templateType),
          text(' }'),
        ]
      case 'reflection': {
        const { signatures, children = [], indexSignatures = [] } = type.declaration
        if (signatures)
          return joined(
            signatures.map((one) => this.signature(one, '', ' => ')),
            ' & ',
          )
        const fields = [
          ...children.map(({ name, flags, type: own, signatures }) => [
            ...(flags.isReadonly ? [keyword('readonly ')] : []),
            ...(signatures
              ? joined(
                  signatures.map((one) => this.signature(one, name)),
                  '; ',
                )
              : [text(`${name}${flags.isOptional ? '?' : ''}: `), ...this.type(own)]),
          ]),
          ...indexSignatures.map(({ parameters = [], type: own }) => [
            text('['),
            ...this.#parameter(parameters[0]),
            text(']: '),
            ...this.type(own),
          ]),
        ]
        return fields.length === 0 ? [text('{}')] : [text('{ '), ...joined(fields, '; '), text(' }')]
      }
      default:
        throw new Error(`types of the kind ${(type as Type).type} are not known; add them to code.ts`)
    }
  }

  /** `name<T>(a: A, b?: B): R`, on several lines if it is long. */
  signature({ typeParameters, parameters = [], type }: Signature, name: string, arrow = ': '): Pieces {
    const head = [{ text: name, role: 'name' as const }, ...this.typeParameters(typeParameters)]
    const given = parameters.map((one) => this.#parameter(one))
    const gives = [text(arrow), ...this.type(type)]
    const flat = [...head, text('('), ...joined(given, ', '), text(')'), ...gives]
    if (lengthOf(flat) <= WIDTH || given.length === 0 || name === '') return flat
    return [...head, text('(\n'), ...given.flatMap((one) => [text('  '), ...one, text(',\n')]), text(')'), ...gives]
  }

  typeParameters(parameters: readonly TypeParameter[] = []): Pieces {
    if (parameters.length === 0) return []
    const each = parameters.map(({ name, type, default: otherwise }) => [
      text(name),
      ...(type ? [keyword(' extends '), ...this.type(type)] : []),
      ...(otherwise ? [text(' = '), ...this.type(otherwise)] : []),
    ])
    return [text('<'), ...joined(each, ', '), text('>')]
  }

  #parameter({ name, flags, type, defaultValue }: Parameter): Pieces {
    const optional = flags.isOptional || defaultValue !== undefined
    return [text(`${flags.isRest ? '...' : ''}${nameOf(name)}${optional ? '?' : ''}: `), ...this.type(type)]
  }

  #arguments(types: readonly Type[] = []): Pieces {
    return types.length === 0
      ? []
      : [
          text('<'),
          ...joined(
            types.map((one) => this.type(one)),
            ', ',
          ),
          text('>'),
        ]
  }

  /** A type in parentheses where its neighbours would bind stronger. */
  #grouped(type: Type, weak: readonly string[]): Pieces {
    const kind = type.type === 'reflection' && type.declaration.signatures ? 'function' : type.type
    return weak.includes(kind) ? [text('('), ...this.type(type), text(')')] : this.type(type)
  }
}

/** TypeDoc's name for a parameter that is taken apart at once says nothing. */
export const nameOf = (parameter: string): string => (parameter === '__namedParameters' ? 'options' : parameter)
