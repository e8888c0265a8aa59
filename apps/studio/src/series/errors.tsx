import { number, significant, words } from '../language'
import type { SeriesResult } from './messages'

const percent = (share: number): string => `${number(100 * share, 1)} %`

/** How far off the forecasts of the held-out part are, beside those of simple methods. */
export function Errors({ result: { evaluation } }: { result: SeriesResult }) {
  const { series: t } = words.value
  return (
    <section class="card">
      <h2>{t.errors}</h2>
      {!evaluation && <p class="soft">{t.noErrors}</p>}
      {evaluation?.targets.map(({ target, coverage, errors }) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a narrow page scrolls it, also from the keyboard
        <section key={target} class="scrolls" tabIndex={0} aria-label={`${t.errors}: ${target}`}>
          <table class="errors">
            <caption>
              {t.evaluated(target, t.parts[evaluation.part], number(evaluation.origins), number(evaluation.steps))}
            </caption>
            <thead>
              <tr>
                {[t.method, 'MAE', 'RMSE', 'sMAPE', 'MASE'].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {Object.entries(errors).map(([name, { mae, rmse, smape, mase }]) => (
                <tr key={name}>
                  <th scope="row">{t.methods[name as keyof typeof t.methods] ?? name}</th>
                  <td>{significant(mae, 4)}</td>
                  <td>{significant(rmse, 4)}</td>
                  <td>{`${number(smape, 2)} %`}</td>
                  <td>{mase === undefined ? '–' : number(mase, 3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {coverage !== undefined && <p class="standing">{t.coverage(percent(coverage))}</p>}
        </section>
      ))}
    </section>
  )
}
