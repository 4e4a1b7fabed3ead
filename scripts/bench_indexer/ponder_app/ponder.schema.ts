import { index, onchainTable, primaryKey } from "ponder";

export const transfer = onchainTable("transfer", (t) => ({
  id: t.text().primaryKey(),
  block: t.bigint().notNull(),
  timestamp: t.bigint().notNull(),
  txHash: t.hex().notNull(),
  from: t.hex().notNull(),
  to: t.hex().notNull(),
  tokenId: t.bigint().notNull(),
  value: t.bigint().notNull(),
}));

export const balance = onchainTable(
  "balance",
  (t) => ({ tokenId: t.bigint().notNull(), account: t.hex().notNull(), units: t.bigint().notNull() }),
  (table) => ({ pk: primaryKey({ columns: [table.tokenId, table.account] }), by: index().on(table.account) }),
);
