import { spawnSync } from 'node:child_process'

// UNROLLED_PYTHON: a Python with packages of PyPI. Debian's packages are those of its own Python.
const candidates = [process.env.UNROLLED_PYTHON, 'python3', '/usr/bin/python3']

/** A Python that has these packages, or undefined. They are not loaded, which takes seconds for some. */
export function pythonWith(...names: readonly string[]): string | undefined {
  const script = `import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, ${JSON.stringify(names)})))`
  return candidates.find((python) => python !== undefined && spawnSync(python, ['-c', script]).status === 0)
}
