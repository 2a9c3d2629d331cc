// The loop of the farm's current worker, which is in no registry: pick up, render with the core named in
// CORE, report. Ends when HOST has had no job for a while, or after JOBS of them.
const { createClient } = require('@nexrender/api')
const { init, render } = require(process.env.CORE)
const { getRenderingStatus } = require('@nexrender/types/job')

const client = createClient({
    host: process.env.HOST,
    secret: process.env.SECRET,
    name: process.env.NAME,
    headers: { 'user-agent': `nexrender-worker/${require(`${process.env.CORE}/package.json`).version}` },
})
const settings = init({
    logger: console,
    binary: process.env.BINARY,
    workpath: process.env.WORKPATH,
    addLicense: false,
    skipCleanup: true,
    stopOnError: true,
})

const work = async (job) => {
    job.state = 'started'
    job.startedAt = new Date()
    await client.updateJob(job.uid, job)
    job.onRenderProgress = (job) => client.updateJob(job.uid, { ...getRenderingStatus(job), state: 'render:dorender' })
        .catch((err) => console.log(`progress: ${err}`))
    try {
        job = await render(job, settings)
        job.state = 'finished'
        job.finishedAt = new Date()
        await client.updateJob(job.uid, getRenderingStatus(job))
    } catch (err) {
        job.error = [].concat(job.error || [], [err.toString()])
        job.errorAt = new Date()
        job.state = 'error'
        await client.updateJob(job.uid, getRenderingStatus(job))
        console.log(`[${job.uid}] error occurred: ${err.stack}`)
    }
}

const main = async () => {
    for (let left = Number(process.env.JOBS); left > 0;) {
        const job = await client.pickupJob(process.env.TAGS)
        if (job && job.uid) {
            await work(job)
            left--
        } else {
            await new Promise((resolve) => setTimeout(resolve, 100))
        }
    }
}

main().then(() => process.exit(0), (err) => { console.error(err); process.exit(1) })
