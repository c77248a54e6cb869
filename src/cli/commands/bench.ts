import { Command } from 'commander'
import { benchEncodeCommand, encodeOnceCommand } from './bench-encode.ts'
import { benchParetoCommand } from './bench-pareto.ts'
import { benchSearchCommand } from './bench-search.ts'

/** `bench`: what this machine makes of it. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure how fast this machine is, and what it costs to find more.')
    .addCommand(benchEncodeCommand())
    .addCommand(benchSearchCommand())
    .addCommand(benchParetoCommand())
    .addCommand(encodeOnceCommand(), { hidden: true })
}
