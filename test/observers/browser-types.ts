/**
 * What tests use of playwright-core. Its own types need the DOM's, which would declare `window`, `name` and `event` to
 * every file of a project that runs in no browser. Scripts for the page are text for the same reason. Each member does
 * what playwright-core 1.x documents under its name.
 */

export interface Chromium {
  launch(options: { readonly executablePath: string; readonly args: readonly string[] }): Promise<Browser>;
}

/** Owns the process, until `close`. */
export interface Browser {
  newPage(options?: PageOptions): Promise<Page>;
  version(): string;
  close(): Promise<void>;
}

export interface PageOptions {
  readonly viewport?: ViewportSize;
  readonly colorScheme?: 'light' | 'dark';
  readonly javaScriptEnabled?: boolean;
  readonly deviceScaleFactor?: number;
}

export interface ViewportSize {
  readonly width: number;
  readonly height: number;
}

export interface Page {
  goto(url: string, options?: { readonly waitUntil?: 'load' | 'domcontentloaded' }): Promise<Answer | null>;
  reload(): Promise<Answer | null>;
  title(): Promise<string>;
  content(): Promise<string>;
  setContent(html: string): Promise<void>;
  /** The value of an expression in the page, which must be JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** Resolves when the expression is true in the page. */
  waitForFunction(expression: string, argument?: unknown, options?: Timeout): Promise<unknown>;
  locator(selector: string): Locator;
  screenshot(options?: ScreenshotOptions): Promise<Buffer>;
  setViewportSize(size: ViewportSize): Promise<void>;
  emulateMedia(options: {
    readonly colorScheme?: 'light' | 'dark';
    readonly reducedMotion?: 'reduce' | 'no-preference';
  }): Promise<void>;
  on(event: 'request' | 'requestfailed', listener: (request: Asked) => void): void;
  on(event: 'response', listener: (response: Answer) => void): void;
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void;
  /** An exception that the page did not catch. */
  on(event: 'pageerror', listener: (error: Error) => void): void;
  readonly keyboard: { press(key: string): Promise<void> };
  close(): Promise<void>;
}

/** A request that the page made. */
export interface Asked {
  url(): string;
  method(): string;
  resourceType(): string;
}

export interface Answer {
  url(): string;
  status(): number;
  headers(): Readonly<Record<string, string>>;
  text(): Promise<string>;
}

/** The elements that match a selector, looked up anew at each call. */
export interface Locator {
  first(): Locator;
  last(): Locator;
  nth(index: number): Locator;
  locator(selector: string): Locator;
  filter(options: { readonly hasText?: string | RegExp }): Locator;
  count(): Promise<number>;
  textContent(options?: Timeout): Promise<string | null>;
  innerText(options?: Timeout): Promise<string>;
  allTextContents(): Promise<string[]>;
  getAttribute(name: string): Promise<string | null>;
  inputValue(): Promise<string>;
  isVisible(): Promise<boolean>;
  isDisabled(): Promise<boolean>;
  boundingBox(): Promise<{ x: number; y: number; width: number; height: number } | null>;
  click(options?: Timeout): Promise<void>;
  hover(): Promise<void>;
  focus(): Promise<void>;
  press(key: string): Promise<void>;
  fill(text: string): Promise<void>;
  selectOption(value: string): Promise<string[]>;
  waitFor(
    options?: Timeout & { readonly state?: 'attached' | 'detached' | 'visible' | 'hidden' },
  ): Promise<void>;
  screenshot(options?: ScreenshotOptions): Promise<Buffer>;
}

interface Timeout {
  /** Milliseconds. */
  readonly timeout?: number;
}

export interface ScreenshotOptions {
  readonly path?: string;
  readonly fullPage?: boolean;
  readonly animations?: 'disabled' | 'allow';
}
