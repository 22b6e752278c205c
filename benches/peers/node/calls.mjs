// Makes calls with the generated typescript-fetch client: reads lines "fetch|list CALLS CONCURRENCY", prints a line
// of JSON with the times for each. node calls.mjs BASE_URL API_KEY
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Configuration, TasksApi } = require('../../../target/peers/ts/dist/index.js');

const [basePath, accessToken] = process.argv.slice(2);
const tasks = new TasksApi(new Configuration({ basePath, accessToken }));

const call = {
  fetch: async () => {
    const task = await tasks.fetchTask({ workspaceId: 'current', taskId: 'tsk_00000007' });
    if (task.taskId !== 'tsk_00000007') throw new Error('another task');
  },
  list: async () => {
    const list = await tasks.listTasks({ workspaceId: 'current', all: true });
    if (list.tasks.length === 0) throw new Error('no tasks');
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [operation, calls, concurrency] = line.split(' ');
  let left = Number(calls);
  const latencies = [];
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const started = process.hrtime.bigint();
      await call[operation]();
      latencies.push(Number(process.hrtime.bigint() - started) / 1e3);
    }
  };
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  await Promise.all(Array.from({ length: Number(concurrency) }, worker));
  const wall = Number(process.hrtime.bigint() - started) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ wall_us: wall, cpu_us: user + system, latencies_us: latencies }));
}
