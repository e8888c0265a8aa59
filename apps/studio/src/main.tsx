import { render } from 'preact'
import { App } from './app'
import { workOffLine } from './offline'
import './theme.css'

render(<App />, document.getElementById('app')!)
if (import.meta.env.PROD) workOffLine('./service-worker.js')
