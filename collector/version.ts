// The version of the collector, as feeds, exports and the OpenAPI document state it. A test compares it with package.json.

export const COLLECTOR_VERSION = '0.1.0'
