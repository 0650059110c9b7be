#!/usr/bin/env node
// The published package holds the program as JavaScript; a clone runs its sources, never what was last packed there.
import { existsSync } from 'node:fs';

const sources = new URL('turnbridge.ts', import.meta.url);
const packed = new URL('../dist/cmd/turnbridge.js', import.meta.url);
await import((existsSync(sources) ? sources : packed).href);
