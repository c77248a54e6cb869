export { blockMaxSearch } from './block-max-pruning'
export { documentSearch } from './document-at-a-time'
export { windowSearch } from './window-search'
export { xxh32 } from './xxh32'
