import { ponder } from "ponder:registry";
import { balance, transfer } from "ponder:schema";
import { zeroAddress } from "viem";

ponder.on("Units:TransferSingle", async ({ event, context }) => {
  const { from, to, id, value } = event.args;
  await context.db.insert(transfer).values({
    id: event.id,
    block: event.block.number,
    timestamp: event.block.timestamp,
    txHash: event.transaction.hash,
    from,
    to,
    tokenId: id,
    value,
  });
  const moves: [`0x${string}`, bigint][] = [[from, -value], [to, value]];
  for (const [account, change] of moves) {
    if (account === zeroAddress) continue;
    await context.db
      .insert(balance)
      .values({ tokenId: id, account, units: change })
      .onConflictDoUpdate((row) => ({ units: row.units + change }));
  }
});
