import { createFileRegistry, type DescMethod, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { fileDescriptors } from '../../gen/descriptors.js';

/** The descriptors of everything that this server speaks. JSON is written by them, so there is no second list of fields. */
export class Methods {
  readonly registry: FileRegistry;

  constructor() {
    const files = new Map<string, FileDescriptorProto>();
    for (const text of fileDescriptors) {
      const file = fromBinary(FileDescriptorProtoSchema, Buffer.from(text, 'base64'));
      files.set(file.name, file);
    }
    // Each file comes after those that it imports; the registry asks for these in turn.
    const last = [...files.keys()];
    this.registry = createFileRegistry({
      $typeName: 'google.protobuf.FileDescriptorSet',
      file: last.map((name) => files.get(name)!),
    });
  }

  /** The method of a path such as `/switchyard.v1.SessionService/Session`; undefined when there is none. */
  find(path: string): DescMethod | undefined {
    const [, service = '', name = ''] = /^\/([\w.]+)\/(\w+)$/.exec(path) ?? [];
    return this.registry.getService(service)?.methods.find((method) => method.name === name);
  }
}
