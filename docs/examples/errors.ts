import { StatusCode, Switchyard, SwitchyardError } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });
try {
  await yard.getNode(-1, { timeoutMs: 2_000 });
} catch (error) {
  if (!(error instanceof SwitchyardError)) throw error;
  console.log(error.reason, error.code === StatusCode.INVALID_ARGUMENT);
  for (const { field } of error.violations) console.log('wrong:', field);
}

// A call that its caller gives up rejects with the signal's own reason.
const controller = new AbortController();
controller.abort(new Error('the user has left'));
await yard.getNode(7, { signal: controller.signal }).catch((error: Error) => console.log(error.message));
await yard.close();
