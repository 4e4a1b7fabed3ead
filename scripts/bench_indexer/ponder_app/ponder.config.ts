import { createConfig } from "ponder";
import { parseAbi } from "viem";

const abi = parseAbi([
  "event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value)",
]);

export default createConfig({
  database: { kind: "postgres", connectionString: process.env.DATABASE_URL! },
  chains: {
    anvil: {
      id: 31337,
      rpc: process.env.RPC_URL!,
      ws: process.env.WS_URL || undefined,
      pollingInterval: 100,
      disableCache: !process.env.CACHED,
    },
  },
  contracts: {
    Units: {
      chain: "anvil",
      abi,
      address: process.env.TOKEN as `0x${string}`,
      startBlock: Number(process.env.START_BLOCK),
    },
  },
});
