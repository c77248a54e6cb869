/** What the process tells its caller. Scripts rely on these. */
export const EXIT_OK = 0
/** Something failed, or a part of the input had to be skipped. */
export const EXIT_FAILED = 1
/** The command was called in a way that has no meaning. */
export const EXIT_USAGE = 2
