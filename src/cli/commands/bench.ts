import { Command } from 'commander'
import { benchEncodeCommand, encodeOnceCommand } from './bench-encode.ts'

/** `bench`: what this machine makes of it. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure how fast this machine is.')
    .addCommand(benchEncodeCommand())
    .addCommand(encodeOnceCommand(), { hidden: true })
}
