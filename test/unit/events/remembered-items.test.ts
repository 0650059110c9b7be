import { expect, test } from '@jest/globals';
import { RememberedItems } from '../../../src/events/remembered-items.ts';

test('an item is found by its id, else by its place if the kind agrees, else it is a new one', () => {
  const items = new RememberedItems();
  items.remember(0, { id: 'a', type: 'message' }, true);
  items.remember(1, { id: 'b', type: 'reasoning' }, true);
  expect(items.placeInOutput({ id: 'b', type: 'message' }, 0)).toBe(1);
  expect(items.placeInOutput({ id: 'c', type: 'message' }, 0)).toBe(0);
  expect(items.placeInOutput({ type: 'message' }, 1)).toBe(2);
});

test('an end without a place is that of the first item of its kind that is under way', () => {
  const items = new RememberedItems();
  items.remember(0, { id: 'a', type: 'message' }, false);
  items.remember(1, { id: 'b', type: 'message' }, false);
  expect(items.placeOf({}, { type: 'message' }, true)).toBe(0);
  expect(items.placeOf({}, { id: 'b', type: 'message' }, true)).toBe(1);
  items.remember(0, { id: 'a', type: 'message' }, true);
  expect(items.placeOf({}, { type: 'message' }, true)).toBe(1);
  expect(items.placeOf({}, { type: 'reasoning' }, true)).toBe(2);
});

test('thirty thousand items are not looked through for each of ten thousand others', () => {
  const items = new RememberedItems();
  for (let n = 0; n < 30_000; n++) items.remember(n, { id: `item_${n}`, type: 'x' }, true);
  const begun = performance.now();
  for (let n = 0; n < 10_000; n++) {
    items.placeInOutput({ id: `other_${n}`, type: 'x' }, 30_000 + n);
    items.placeOf({}, { type: 'x' }, true);
  }
  expect(performance.now() - begun).toBeLessThan(1_500); // it takes 10; looked through, it took 10,000
});
