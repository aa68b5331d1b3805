// A module of ours, so that it can be loaded when it is needed: the names of a CommonJS package get lost when the bundle
// imports it dynamically.
export { LineCounter, parseDocument } from 'yaml'
