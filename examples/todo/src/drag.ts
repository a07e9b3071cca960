// Reordering by dragging a row's grip, with mouse, pen or finger. (Keyboard: Alt + arrow, rows.ts.)

/** Calls `moved` with the dragged id and the id it was dropped before (undefined: the end). */
export function dragRows(
  list: HTMLElement,
  moved: (id: string, beforeId: string | undefined) => void,
): void {
  list.addEventListener('pointerdown', (down) => {
    const grip = (down.target as Element).closest('.grip');
    const row = grip?.closest<HTMLElement>('.todo');
    if (!row || down.button !== 0) return;
    down.preventDefault();
    drag(list, row, down, moved);
  });
}

function drag(
  list: HTMLElement,
  row: HTMLElement,
  down: PointerEvent,
  moved: (id: string, beforeId: string | undefined) => void,
): void {
  const others = [...list.querySelectorAll<HTMLElement>('.todo')].filter((other) => other !== row);
  const tops = others.map((other) => other.getBoundingClientRect());
  const height = row.offsetHeight;
  const start = row.getBoundingClientRect().top;
  let slot = slotAt(start + height / 2);

  function slotAt(middle: number): number {
    return tops.filter((box) => box.top + box.height / 2 < middle).length;
  }

  const startSlot = slot;
  row.classList.add('is-dragged');
  row.setPointerCapture(down.pointerId);

  const onMove = (event: PointerEvent): void => {
    const offset = event.clientY - down.clientY;
    row.style.translate = `0 ${offset}px`;
    slot = slotAt(start + offset + height / 2);
    others.forEach((other, index) => {
      const shift = index >= slot && index < startSlot ? height : index < slot && index >= startSlot ? -height : 0;
      other.style.translate = shift === 0 ? '' : `0 ${shift}px`;
    });
  };
  const finish = (keep: boolean): void => {
    row.removeEventListener('pointermove', onMove);
    row.removeEventListener('pointerup', onUp);
    row.removeEventListener('pointercancel', onCancel);
    row.classList.remove('is-dragged');
    for (const element of [row, ...others]) element.style.translate = '';
    if (keep && slot !== startSlot) moved(row.dataset['id']!, others[slot]?.dataset['id']);
  };
  const onUp = (): void => finish(true);
  const onCancel = (): void => finish(false);
  row.addEventListener('pointermove', onMove);
  row.addEventListener('pointerup', onUp);
  row.addEventListener('pointercancel', onCancel);
}
