import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { number, words } from '../../studio/src/language'
import type { FromExample } from './example-worker'

/** Lines of output that are shown; earlier ones are dropped. */
const MOST_LINES = 200

type State = 'ready' | 'running' | 'finished' | 'stopped' | 'failed'

/** Runs an example of a guide in a worker, with the library, and shows below it what it prints. */
export function ExampleRunner({ id }: { id: string }) {
  const { docs: t } = words.value
  const state = useSignal<State>('ready')
  const lines = useSignal<readonly string[]>([])
  const seconds = useSignal(0)
  const worker = useRef<Worker | undefined>(undefined)

  const end = (next: State) => {
    worker.current?.terminate()
    worker.current = undefined
    state.value = next
  }
  useEffect(() => () => worker.current?.terminate(), [])

  const run = () => {
    lines.value = []
    state.value = 'running'
    const began = performance.now()
    const own = new Worker(new URL('./example-worker.ts', import.meta.url), { type: 'module' })
    worker.current = own
    own.onmessage = ({ data }: MessageEvent<FromExample>) => {
      if ('line' in data) lines.value = [...lines.value, data.line].slice(-MOST_LINES)
      else if ('error' in data) {
        lines.value = [...lines.value, data.error]
        end('failed')
      } else {
        seconds.value = (performance.now() - began) / 1000
        end('finished')
      }
    }
    own.onerror = (event) => {
      lines.value = [...lines.value, event.message ?? String(event)]
      end('failed')
    }
    own.postMessage(id)
  }
  const running = state.value === 'running'
  const standing = {
    ready: '',
    running: t.running,
    finished: t.finished(number(seconds.value, 1)),
    stopped: t.stopped,
    failed: '',
  }[state.value]
  return (
    <div class="run" data-state={state.value}>
      <div class="actions">
        {running ? (
          <button type="button" onClick={() => end('stopped')}>
            {t.stop}
          </button>
        ) : (
          <button type="button" class="main" onClick={run}>
            {state.value === 'ready' ? t.run : t.runAgain}
          </button>
        )}
        <p class="standing" role="status">
          {standing}
        </p>
      </div>
      {state.value !== 'ready' && lines.value.length > 0 && (
        <pre class={state.value === 'failed' ? 'output bad' : 'output'} role="log" aria-label={t.output}>
          {lines.value.join('\n')}
        </pre>
      )}
    </div>
  )
}
