/** How the picture of a trace looks: light, on a ground of its own, so that it can stand on any page. */

/** Pixels. */
export interface PictureSizes {
  /** Of the column of names. */
  readonly namesWidth: number;
  /** Of one level. */
  readonly indent: number;
  /** At the left and at the right. */
  readonly margin: number;
}

/** CSS. Type is large: a README shows the picture at two thirds. */
export function pictureStyle({ namesWidth, indent, margin }: PictureSizes): string {
  return `
:root { --ink: #1c2330; --muted: #5d6877; --line: #dce1e7; --theirs: #b4bfcd; --ours: #1a7f67; --bad: #c0342b; }
* { box-sizing: border-box; margin: 0; padding: 0; list-style: none; }
body { background: #fff; color: var(--ink); font: 18px/1.3 'DejaVu Sans Condensed', Roboto, 'Segoe UI', system-ui, sans-serif; font-variant-numeric: tabular-nums; }
main { padding: 24px ${margin}px 18px; border: 1px solid var(--line); }
header { display: flex; justify-content: space-between; align-items: flex-start; margin-bottom: 18px; }
h1 { font-size: 25px; line-height: 1.25; }
header p { color: var(--muted); font-size: 17px; margin-top: 4px; }
header ul { display: flex; gap: 26px; padding-top: 6px; font-weight: bold; white-space: nowrap; }
header li span { color: var(--muted); font-weight: normal; }
header li i { display: inline-block; width: 16px; height: 16px; border-radius: 3px; margin-right: 9px; vertical-align: -2px; background: var(--colour); }
.ours { --colour: var(--ours); --on: #fff; }
.theirs { --colour: var(--theirs); --on: var(--ink); }
.scale, ol > li { display: grid; grid-template-columns: ${namesWidth}px 1fr; }
.scale { border-bottom: 2px solid var(--line); padding-bottom: 5px; color: var(--muted); font-size: 16px; }
.scale div { position: relative; height: 1.3em; }
.scale div span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.scale div span:first-child { transform: none; }
ol { padding: 4px 0; border-bottom: 2px solid var(--line); }
.name { position: relative; padding: 3px 10px 3px calc(var(--depth) * ${indent}px + 12px); white-space: nowrap; overflow: hidden;
  background: repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px ${indent}px) 0 0 / calc(var(--depth) * ${indent}px) 100% no-repeat; }
.name::before { content: ''; position: absolute; left: calc(var(--depth) * ${indent}px); top: 4px; bottom: 4px; width: 5px; border-radius: 2px; background: var(--colour); }
.theirs .name { color: var(--muted); }
.theirs .name b { color: var(--ink); }
.name .gap { letter-spacing: 1px; }
.error { display: inline-block; width: 1.2em; border-radius: 50%; background: var(--bad); color: #fff; font-style: normal; font-weight: bold; text-align: center; line-height: 1.2em; }
.time { position: relative; background: repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px var(--grid)); }
.line { position: relative; height: 30px; }
.bar { position: absolute; top: 4px; height: 22px; min-width: 3px; border-radius: 3px; background: var(--colour); }
.failed .bar { box-shadow: inset 0 -4px var(--bad); }
.duration { position: absolute; top: 0; line-height: 22px; font-size: 16px; white-space: nowrap; }
.inside { right: 8px; color: var(--on); }
.after { left: calc(100% + 7px); }
.before { right: calc(100% + 7px); }
.tick { position: absolute; top: 1px; height: 28px; width: 2px; background: var(--ink); font-style: normal; }
.tick span { position: absolute; left: 7px; line-height: 28px; font-size: 15px; color: #fff; white-space: nowrap; }
.tags { display: flex; gap: 18px; height: 27px; font-size: 16px; color: var(--muted); white-space: nowrap; }
.tags.end { justify-content: flex-end; }
.tags b { color: var(--ink); font-weight: normal; }
.duration span { margin-left: 18px; color: var(--muted); }
.duration b { color: var(--ink); font-weight: normal; }
footer { display: flex; justify-content: space-between; padding-top: 12px; color: var(--muted); }
footer i { display: inline-block; width: 2px; height: 20px; margin-right: 5px; background: var(--ink); vertical-align: -4px; }
`;
}
