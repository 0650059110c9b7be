import { describe, expect, test } from '@jest/globals';
import { countOf, EventBook, type EventWork } from '../../../src/kube/event-book.ts';
import type { EventNote } from '../../../src/kube/event-note.ts';

const MINUTE = 60_000;

function note(text = 'create it', name = 'codex', reason = 'SecretNotFound'): EventNote {
  const regarding = {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    namespace: 'ai',
    name,
    uid: name,
  };
  return { regarding, type: 'Warning', reason, action: 'Compile', note: text };
}

/** A book whose work is done at once. */
class Scene {
  readonly book = new EventBook();
  now = 0;
  #micros = 1000;

  take(what = note()): readonly EventWork[] | 'budget' {
    this.#micros += 1;
    return this.book.take(what, this.now, this.#micros);
  }

  /** What came of it: `create 1`, `count 2`. */
  told(what = note()): string {
    const works = this.take(what);
    return works === 'budget' ? works : this.#send(works);
  }

  swept(): string {
    return this.#send(this.book.sweep(this.now));
  }

  #send(works: readonly EventWork[]): string {
    for (const { event } of works) {
      event.sentCount = countOf(event);
      event.sentMs = this.now;
    }
    return works.map(({ kind, event }) => `${kind} ${String(event.sentCount)}`).join(', ');
  }
}

describe('a repeated event', () => {
  test('is created once, becomes a series at its second time, and is only counted from then on', () => {
    const scene = new Scene();
    expect([1, 2, 3, 4].map(() => scene.told())).toEqual(['create 1', 'count 2', '', '']);
    expect(scene.book.size).toBe(1);
  });

  test('is one that says the same about the same object: another sentence is another event', () => {
    const scene = new Scene();
    expect(scene.told(note('create Secret a'))).toBe('create 1');
    expect(scene.told(note('create Secret b'))).toBe('create 1');
    expect(scene.told(note('create Secret a', 'other'))).toBe('create 1');
    const changed = note('create Secret a');
    expect(scene.told({ ...changed, regarding: { ...changed.regarding, resourceVersion: '99' } })).toBe(
      'count 2',
    );
    expect(scene.told({ ...changed, regarding: { ...changed.regarding, uid: 'made anew' } })).toBe(
      'create 1',
    );
  });

  test('is a new one when six minutes have passed, and what was counted last is told', () => {
    const scene = new Scene();
    scene.told();
    scene.told();
    scene.told();
    scene.now += 6 * MINUTE - 1;
    expect(scene.told()).toBe('');
    scene.now += 6 * MINUTE;
    expect(scene.told()).toBe('count 4, create 1');
  });

  test('closes when nobody asks for it any more: its last count is sent, and it is forgotten', () => {
    const scene = new Scene();
    for (let n = 0; n < 3; n++) scene.told();
    scene.told(note('once'));
    scene.now += 6 * MINUTE;
    expect(scene.swept()).toBe('count 3');
    expect(scene.book.size).toBe(0);
    expect(scene.swept()).toBe('');
  });

  test('that goes on for long is told of every half an hour', () => {
    const scene = new Scene();
    scene.told();
    const sent: string[] = [];
    for (let minute = 0; minute < 70; minute += 5) {
      scene.now += 5 * MINUTE;
      const told = scene.told();
      const swept = scene.swept();
      if (told + swept !== '') sent.push(`${String(scene.now / MINUTE)}: ${told}${swept}`);
    }
    expect(sent).toEqual(['5: count 2', '35: count 8', '65: count 14']);
  });

  test('that could not be sent is told again as the first', () => {
    const scene = new Scene();
    const works = scene.take();
    if (works === 'budget') throw new Error('over budget');
    for (const { event } of works) scene.book.forget(event);
    expect(scene.told()).toBe('create 1');
  });
});

describe('a budget', () => {
  test('lets 25 events pass about one object, then one each five minutes; other objects have their own', () => {
    const scene = new Scene();
    const told = Array.from({ length: 30 }, (_, n) => scene.told(note(`sentence ${String(n)}`)));
    expect(told.filter((each) => each === 'create 1')).toHaveLength(25);
    expect(told.slice(25)).toEqual(Array.from({ length: 5 }, () => 'budget'));
    expect(scene.told(note('x', 'other'))).toBe('create 1');
    scene.now += 5 * MINUTE - 1;
    expect(scene.told(note('later'))).toBe('budget');
    scene.now += 1;
    expect(scene.told(note('later'))).toBe('create 1');
    expect(scene.told(note('and later'))).toBe('budget');
  });

  test('is no reason not to count a repeat', () => {
    const scene = new Scene();
    scene.told();
    for (let n = 0; n < 24; n++) scene.told(note(`sentence ${String(n)}`));
    expect(scene.told()).toBe('');
    scene.now += 6 * MINUTE;
    expect(scene.swept()).toBe('count 2');
  });

  test('is forgotten when it is full again', () => {
    const scene = new Scene();
    scene.told();
    scene.now += 3 * 3_600_000;
    scene.swept();
    for (let n = 0; n < 25; n++) expect(scene.told(note(`sentence ${String(n)}`))).toBe('create 1');
  });
});

test('a thousand events are remembered, and the one not told for longest is forgotten', () => {
  const scene = new Scene();
  for (let n = 0; n < 1000; n++) scene.told(note('x', `route-${String(n)}`));
  expect(scene.told(note('x', 'route-0'))).toBe('count 2');
  expect(scene.told(note('x', 'one-more'))).toBe('create 1');
  expect(scene.book.size).toBe(1000);
  expect(scene.told(note('x', 'route-0'))).toBe('');
  expect(scene.told(note('x', 'route-1'))).toBe('create 1');
});
