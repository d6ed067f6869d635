// What the tests use of the page: plain JavaScript that no compiler reads.
declare module '*/page/view.js' {
  export function h(tag: string, attributes?: object, ...children: readonly unknown[]): object
  export function mono(value: string, width?: number): object
  export function table(caption: string, columns: readonly string[], rows: readonly (readonly unknown[])[]): object
}
declare module '*/page/details.js' {
  export function artifactStory(record: object): object
  export function runtimeStory(record: object): object
}
declare module '*/page/api.js' {
  export const token: { read(): string; keep(value: string): void; drop(): void }
  export function takeToken(hash: string): string | null
  export function query(values: object): string
  export function findingLink(row: { readonly findingId: string; readonly hostId: string }): string
  export function ask(path: string): Promise<unknown>
  export function isRefusal(error: unknown): boolean
}
declare module '*/page/findings.js' {
  export function overview(parameters: URLSearchParams): Promise<readonly (object | null)[]>
}
declare module '*/page/finding.js' {
  export function finding(id: string, parameters: URLSearchParams): Promise<readonly (object | null)[]>
}
declare module '*/page/host.js' {
  export function host(id: string): Promise<readonly (object | null)[]>
}
declare module '*/page/fleet.js' {
  export function hosts(parameters: URLSearchParams): Promise<readonly (object | null)[]>
  export function models(parameters: URLSearchParams): Promise<readonly (object | null)[]>
  export function runtimes(parameters: URLSearchParams): Promise<readonly (object | null)[]>
}
