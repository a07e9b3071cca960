// Chromium for the tests, driven through playwright-core.

import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser that closes after the test `t`. `CHROMIUM` names another executable than Debian's. */
export async function launchBrowser(t) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ARGUMENTS,
  });
  t.after(() => browser.close());
  return browser;
}

/** A page of a new profile. What goes wrong inside it ends up in `page.failures`. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext(options);
  return openTab(context, url);
}

/** One more tab of a profile. */
export async function openTab(context, url) {
  const page = await context.newPage();
  page.failures = [];
  page.on('pageerror', (error) => page.failures.push(String(error)));
  await page.goto(url);
  return page;
}
