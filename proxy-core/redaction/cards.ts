/**
 * Payment card numbers (ISO/IEC 7812): 15 or 16 digits of an issuer that is known, in one piece or in groups, with a
 * right Luhn check digit. Shorter or unknown numbers are left alone: ids and instants in milliseconds look like them.
 */
const CANDIDATE = /(?<!\d|\d[.-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -]?)\d{6}\2\d{5})(?![.-]?\d)/g;
const ISSUER = /^(?:4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|35(?:2[89]|[3-8])|6(?:011|4[4-9]|5))/;

/** Replace every card number; `found` is called for each. */
export const replaceCards = (text: string, found: () => string): string =>
  text.replace(CANDIDATE, (match) => {
    const digits = match.replace(/[ -]/g, '');
    return ISSUER.test(digits) && hasLuhnDigit(digits) ? found() : match;
  });

function hasLuhnDigit(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const weighted = index % 2 === 0 ? digit : digit * 2;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}
