import { run } from '@teei/service-kit';
import { service } from './service.ts';

await run(service);
