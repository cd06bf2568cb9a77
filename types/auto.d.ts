// Made by types/make.ts: npm run declarations.
export {};
