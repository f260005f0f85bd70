import '../src/require-node.js';
import { writeFileSync } from 'node:fs';
import { renderConfigurationPage, renderEnvExample } from '../src/config/environment-docs.js';

// Run by `npm run docs:config`, from the repository's root.
writeFileSync('.env.example', renderEnvExample());
writeFileSync('docs/configuration.md', renderConfigurationPage());
