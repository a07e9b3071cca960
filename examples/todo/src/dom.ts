/** The one element that `selector` names inside `root`; the page is ours, so a miss is a bug. */
export function one<T extends Element = HTMLElement>(root: ParentNode, selector: string): T {
  const element = root.querySelector<T>(selector);
  if (!element) throw new Error(`no ${selector} in the page`);
  return element;
}

/** A fresh copy of the single element inside `<template id=…>`. */
export function fromTemplate(id: string): HTMLElement {
  const template = one<HTMLTemplateElement>(document, `template#${id}`);
  return (template.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
}

/** "1 change", "2 changes". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
