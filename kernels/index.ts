export { blockMaxSearch } from './block-max-pruning'
export { windowSearch } from './window-search'
export { xxh32 } from './xxh32'
