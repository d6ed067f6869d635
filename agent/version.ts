// The version of this agent, as reports and `gnomon doctor` state it; a test holds it equal to package.json.

export const AGENT_VERSION = '0.1.0'
