// jest's whole TypeScript set-up: Node's own type stripping, which keeps every position.
import { stripTypeScriptTypes } from 'node:module';

export default { process: (source) => ({ code: stripTypeScriptTypes(source) }) };
