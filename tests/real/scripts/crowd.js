// SPDX-License-Identifier: Apache-2.0
// Worker threads, the thread pool, timers, a server with clients, files, another process; prints the same every time.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const { execFile } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');
const util = require('util');
const zlib = require('zlib');

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex').slice(0, 16);

function busy(seed) {
    let kept = [], sum = 0;
    for (let k = 0; k < 300000; k++) {
        const one = { name: `value ${k * seed}`, list: [k, k + 1] };
        kept[k % 1000] = one;
        sum = (sum * 31 + one.name.length + one.list[1]) % 1000003;
    }
    return sum;
}

function worker(seed, shared) {
    return new Promise((good, bad) => {
        const thread = new Worker(__filename, { workerData: { seed, shared } });
        thread.on('message', good);
        thread.on('error', bad);
    });
}

function post(port, n) {
    return new Promise((good, bad) => {
        const ask = http.request({ port, host: '127.0.0.1', method: 'POST', path: `/${n}` }, (answer) => {
            let text = '';
            answer.on('data', (part) => { text += part; });
            answer.on('end', () => good(text));
        });
        ask.on('error', bad);
        ask.end('x'.repeat(n * 300));
    });
}

async function main() {
    const shared = new SharedArrayBuffer(8);
    console.log(await Promise.all([1, 2, 3].map((seed) => worker(seed, shared))), Atomics.load(new Int32Array(shared), 0));
    const folder = process.argv[2];
    for (const name of fs.readdirSync(folder).sort()) {
        const text = await fs.promises.readFile(path.join(folder, name));
        const packed = await util.promisify(zlib.gzip)(text);
        await fs.promises.writeFile(`${name}.gz`, packed);
        const back = await util.promisify(zlib.gunzip)(await fs.promises.readFile(`${name}.gz`));
        console.log(name, digest(back), back.equals(text));
    }
    const keys = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => util.promisify(crypto.pbkdf2)(`key ${n}`, 'salt', 20000, 32, 'sha256')));
    console.log(digest(Buffer.concat(keys)));
    const server = http.createServer((ask, answer) => {
        let size = 0;
        ask.on('data', (part) => { size += part.length; });
        ask.on('end', () => answer.end(`${ask.url} ${size}`));
    });
    await new Promise((good) => server.listen(0, '127.0.0.1', good));
    const port = server.address().port;
    const answers = [];
    for (let turn = 0; turn < 5; turn++) answers.push(...await Promise.all([...Array(12).keys()].map((n) => post(port, n + turn))));
    console.log(answers.length, digest(answers.join('\n')));
    await new Promise((good) => server.close(good));
    const run = util.promisify(execFile);
    for (let n = 0; n < 3; n++) console.log((await run('sh', ['-c', `echo child ${n}`])).stdout.trim());
    let ticks = 0;
    await new Promise((good) => { const timer = setInterval(() => { if (++ticks === 50) { clearInterval(timer); good(); } }, 4); });
    console.log(ticks, busy(7));
}

if (isMainThread) {
    main();
} else {
    Atomics.add(new Int32Array(workerData.shared), 0, workerData.seed);
    parentPort.postMessage(busy(workerData.seed));
}
