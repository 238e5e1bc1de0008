import { randomUUID } from 'node:crypto';
import { InstanceType, StopReason, StopResult, Switchyard } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });
const camera = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'camera' });
const screen = yard.join({ uuid: randomUUID(), type: InstanceType.CLIENT, name: 'screen' });
await camera.attached();
const { cvid: screenCvid } = await screen.attached();

const { stream } = await camera.createStream([screenCvid], { name: 'video', timeoutMs: 60_000 });
await camera.updateStreamParams(stream.id, { deliveryConfirmation: true });

const stopped = new Promise<string>((resolve) => {
  screen.on('streamStopped', ({ reason }) => resolve(StopReason[reason]));
});
const branch = stream.sinks[0].id;
const { result, stoppedIds } = await screen.stopStream(branch, { validateOnly: true });
console.log(StopResult[result], stoppedIds.length, 'would stop');

await camera.terminateStream(stream.id);
console.log(await stopped);
await yard.close();
