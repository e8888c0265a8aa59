import type { Page } from '../page'
import { addressOfTopic, fromPage, REFERENCE, type Topic, topics } from '../plan'
import { Code } from './code'
import { firstSentence, Prose } from './comment'
import { Described, kindOf } from './declaration'
import type { PublicName, PublicNames } from './names'
import type { Comment } from './typedoc'

/** A function is described at its first call. */
export const commentOf = ({ declaration: { comment, signatures } }: PublicName): Comment | undefined =>
  comment ?? signatures?.[0].comment

/** The reference: a page for each topic, and one that lists all names. */
export function referencePages(names: PublicNames): Page[] {
  const code = new Code(names)
  const namesOf = (topic: Topic) => names.all.filter((name) => name.topic === topic)
  const pages = topics.map((topic) => ({
    address: addressOfTopic(topic),
    title: topic.name,
    about: topic.about,
    headings: namesOf(topic).map(({ declaration: { name } }) => ({ depth: 2, anchor: name, name })),
    content: (
      <>
        <h1>{topic.name}</h1>
        <p class="about">{topic.about}</p>
        {namesOf(topic).map((name) => (
          <Described key={name.declaration.id} code={code} name={name} />
        ))}
      </>
    ),
  }))
  const list = {
    address: REFERENCE,
    title: 'Reference',
    about: 'All public names of Unrolled.',
    headings: topics.map(({ id, name }) => ({ depth: 2, anchor: id, name })),
    content: (
      <>
        <h1>Reference</h1>
        <p class="about">
          All public names, made of the comments in the source. <code>unrolled</code> has most of them on every
          platform; what reads and writes files is there in Node alone.
        </p>
        {topics.map((topic) => (
          <section key={topic.id} class="listed">
            <h2 id={topic.id}>
              <a href={fromPage(addressOfTopic(topic))}>{topic.name}</a>
            </h2>
            <dl>
              {namesOf(topic).map((found) => (
                <div key={found.declaration.id}>
                  <dt>
                    <a href={names.addressOf(found.declaration.id)}>{found.declaration.name}</a>{' '}
                    <span class="soft">{kindOf(found.declaration)}</span>
                  </dt>
                  <dd>
                    <Prose names={names} markdown={firstSentence(commentOf(found))} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </>
    ),
  }
  return [list, ...pages]
}
