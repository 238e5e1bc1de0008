import { once } from 'node:events';
import { InstanceType, Switchyard } from '../../../src/client/index.js';
import { Program } from '../../cli/process.js';
import { uuidOf } from '../fleet.js';

/** What is there to be looked at: the town of the demo, with a stream and a connection in it. */
export class Town {
  private constructor(
    readonly replay: Program,
    readonly yard: Switchyard,
    readonly camera: number,
    private readonly stream: { destroy(): unknown },
  ) {}

  /** Brings it up; resolves when all of it stands. */
  static async rise(server: string): Promise<Town> {
    const replay = new Program(['replay', 'docs/demo/mesh.netjson', '--stay'], { SWITCHYARD_SERVER: server });
    const yard = new Switchyard({ server });
    const handlers = { accept: () => true, accepted: (stream: NodeJS.ReadWriteStream) => stream.pipe(stream) };
    const labels = { district: 'harbour' };
    const camera = yard.join({ uuid: uuidOf(1), type: InstanceType.AGENT, name: 'camera', labels, handlers });
    const laptop = yard.join({ uuid: uuidOf(2), type: InstanceType.CLIENT, name: 'laptop', labels });
    // A session without an attachment: it lives by its TTL.
    const idle = yard.join({ uuid: uuidOf(3), type: InstanceType.CLIENT, name: 'a\u202eb <b>bold</b>' });
    const [{ cvid }, { cvid: sink }] = await Promise.all([camera.attached(), laptop.attached(), idle.attached()]);
    await camera.createStream([sink], { name: 'video' });
    const stream = await laptop.connect(cvid);
    // It says so on standard error.
    while (!replay.err.includes('stays up')) await once(replay.process.stderr!, 'data');
    return new Town(replay, yard, cvid, stream);
  }

  async fall(): Promise<void> {
    this.stream.destroy();
    await this.yard.close();
    await this.replay.stop('SIGKILL');
  }
}
