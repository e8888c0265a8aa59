/** TypeDoc's numbers of what a declaration is. */
export const Kind = {
  variable: 32,
  function: 64,
  class: 128,
  interface: 256,
  constructor: 512,
  property: 1024,
  method: 2048,
  accessor: 262_144,
  typeAlias: 2_097_152,
  reference: 4_194_304,
} as const

/** A piece of a comment: text, code, or a tag with a link. */
export interface CommentPart {
  kind: 'text' | 'code' | 'inline-tag'
  text: string
}

export interface Comment {
  summary: readonly CommentPart[]
  blockTags?: readonly { tag: string; content: readonly CommentPart[] }[]
}

export interface Flags {
  isOptional?: boolean
  isReadonly?: boolean
  isStatic?: boolean
  isProtected?: boolean
  isAbstract?: boolean
  isInherited?: boolean
  isRest?: boolean
}

/** A reference to a declaration: by its number, or to one of another package. */
type Target = number | { qualifiedName: string }

export type Type =
  | { type: 'intrinsic'; name: string }
  | { type: 'unknown'; name: string }
  | { type: 'reference'; name: string; target: Target; typeArguments?: readonly Type[] }
  | { type: 'union' | 'intersection'; types: readonly Type[] }
  | { type: 'array'; elementType: Type }
  | { type: 'tuple'; elements?: readonly Type[] }
  | { type: 'namedTupleMember'; name: string; isOptional: boolean; element: Type }
  | { type: 'rest' | 'optional'; elementType: Type }
  | { type: 'literal'; value: string | number | boolean | null }
  | { type: 'typeOperator'; operator: string; target: Type }
  | { type: 'indexedAccess'; objectType: Type; indexType: Type }
  | { type: 'query'; queryType: Type }
  | { type: 'predicate'; name: string; asserts: boolean; targetType?: Type }
  | { type: 'templateLiteral'; head: string; tail: readonly (readonly [Type, string])[] }
  | { type: 'conditional'; checkType: Type; extendsType: Type; trueType: Type; falseType: Type }
  | { type: 'mapped'; parameter: string; parameterType: Type; templateType: Type }
  | { type: 'reflection'; declaration: Declaration }

export interface TypeParameter {
  name: string
  type?: Type
  default?: Type
}

export interface Parameter {
  name: string
  flags: Flags
  type?: Type
  defaultValue?: string
  comment?: Comment
}

export interface Signature {
  id: number
  name: string
  kind: number
  comment?: Comment
  typeParameters?: readonly TypeParameter[]
  parameters?: readonly Parameter[]
  type?: Type
}

export interface Declaration {
  id: number
  name: string
  kind: number
  flags: Flags
  comment?: Comment
  children?: readonly Declaration[]
  signatures?: readonly Signature[]
  indexSignatures?: readonly Signature[]
  getSignature?: Signature
  setSignature?: Signature
  typeParameters?: readonly TypeParameter[]
  type?: Type
  extendedTypes?: readonly Type[]
  implementedTypes?: readonly Type[]
  inheritedFrom?: { name: string; target: Target }
  sources?: readonly { fileName: string }[]
  /** What a reference stands for. */
  target?: number
}

/** All that TypeDoc writes: a module for each public entry. */
export interface Project {
  children: readonly Declaration[]
}
