/** The value of a JSON column. What it is is for a schema to say; the text was written by this program. */
export const parseColumn = (text: string): unknown => JSON.parse(text);
