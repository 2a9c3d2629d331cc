// The farm's core looks for After Effects by platform and knows Windows and macOS alone; and tests tell
// nobody that they run.
require('os').platform = () => 'darwin'
for (const core of ['@nexrender/core', 'core-1.62.2']) {
    const analytics = require.resolve(`${core}/src/helpers/analytics`)
    require.cache[analytics] = { id: analytics, filename: analytics, loaded: true, exports: () => {} }
}
