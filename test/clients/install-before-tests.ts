/** Before any test: one whose files install themselves would pay for it out of its own time. */
import { ensureClients } from './ensure-clients.ts';

export default ensureClients;
