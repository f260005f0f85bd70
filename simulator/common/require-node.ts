/** The first Node.js that the packages run on: 20 fails inside them, with a TypeError that names none of this. */
const NEEDED_MAJOR = 22;

// Imported first, so that nothing that needs a newer Node.js is run before it. 78 is EX_CONFIG of sysexits.h.
const { node: version } = process.versions;
if (Number.parseInt(version, 10) < NEEDED_MAJOR) {
  process.stderr.write(
    `This is Node.js ${version}, and the simulator needs ${NEEDED_MAJOR} or newer. \`npm run simulator\` brings its own: use ` +
      'that, or run it with node_modules/.bin/node.\n',
  );
  process.exit(78);
}
