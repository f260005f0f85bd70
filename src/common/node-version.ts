/** The first Node.js that our packages run on: 20 fails inside them, with a TypeError that names none of this. */
const NEEDED_MAJOR = 22;

/** What to tell somebody whose Node.js is too old; undefined when it is not. */
export function nodeProblem(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= NEEDED_MAJOR) return undefined;
  return (
    `This is Node.js ${version}, and the program needs ${NEEDED_MAJOR} or newer. The npm scripts (npm start, npm run demo, …) ` +
    'bring their own: use those, or run it with node_modules/.bin/node.\n'
  );
}
