interface HtmlProps {
  /** Made by this build of documents of the repository, with everything else escaped. */
  html: string
  as?: 'div' | 'span'
  class?: string
}

/** HTML that Markdown became. */
export function Html({ html, as: Tag = 'div', class: name }: HtmlProps) {
  return <Tag class={name} dangerouslySetInnerHTML={{ __html: html }} />
}
