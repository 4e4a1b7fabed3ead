"""ERC-165: every contract answers for what it is, and for nothing else.

each contract that is deployed
├── it should answer for ERC-165, for its own interface, and for the standards it keeps
├── it should deny ffffffff (ERC-165 demands it), 00000000, and the standards of the others
└── EMP, an ERC-20, has no such question: nobody asks one of an ERC-20
the table here
└── it should be of all contracts that are deployed, and its ids those of the standards
"""

from __future__ import annotations

from functools import reduce

import pytest
from web3 import Web3
from web3.contract.contract import Contract

from backend.chain.deploy_plan import COMPLETE, DEVNET_ONLY
from contracts.artifacts import load
from tests.contracts.governed import deploy_all
from tests.contracts.stage import Stage

ERC165 = {"supportsInterface(bytes4)"}
ERC721 = {
    "balanceOf(address)", "ownerOf(uint256)", "safeTransferFrom(address,address,uint256,bytes)",
    "safeTransferFrom(address,address,uint256)", "transferFrom(address,address,uint256)",
    "approve(address,uint256)", "setApprovalForAll(address,bool)", "getApproved(uint256)",
    "isApprovedForAll(address,address)",
}  # fmt: skip
ERC721_METADATA = {"name()", "symbol()", "tokenURI(uint256)"}
ERC1155 = {
    "balanceOf(address,uint256)", "balanceOfBatch(address[],uint256[])", "setApprovalForAll(address,bool)",
    "isApprovedForAll(address,address)", "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
}  # fmt: skip
ERC1155_METADATA = {"uri(uint256)"}
ERC1155_RECEIVER = {
    "onERC1155Received(address,address,uint256,uint256,bytes)",
    "onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)",
}
ERC2981 = {"royaltyInfo(uint256,uint256)"}
ERC6372 = {"clock()", "CLOCK_MODE()"}
VOTES = {
    "getVotes(address)", "getPastVotes(address,uint256)", "getPastTotalSupply(uint256)", "delegates(address)",
    "delegate(address)", "delegateBySig(address,uint256,uint256,uint8,bytes32,bytes32)",
}  # fmt: skip
ACCESS_CONTROL = {
    "hasRole(bytes32,address)", "getRoleAdmin(bytes32)", "grantRole(bytes32,address)",
    "revokeRole(bytes32,address)", "renounceRole(bytes32,address)",
}  # fmt: skip
_CALLS = "address[],uint256[],bytes[],bytes32"
GOVERNOR = {
    "name()", "version()", "COUNTING_MODE()", f"hashProposal({_CALLS})", f"getProposalId({_CALLS})",
    "state(uint256)", "proposalThreshold()", "proposalSnapshot(uint256)", "proposalDeadline(uint256)",
    "proposalProposer(uint256)", "proposalEta(uint256)", "proposalNeedsQueuing(uint256)", "votingDelay()",
    "votingPeriod()", "quorum(uint256)", "getVotes(address,uint256)",
    "getVotesWithParams(address,uint256,bytes)", "hasVoted(uint256,address)",
    "propose(address[],uint256[],bytes[],string)", f"queue({_CALLS})", f"execute({_CALLS})",
    f"cancel({_CALLS})", "castVote(uint256,uint8)", "castVoteWithReason(uint256,uint8,string)",
    "castVoteWithReasonAndParams(uint256,uint8,string,bytes)",
    "castVoteBySig(uint256,uint8,address,bytes)",
    "castVoteWithReasonAndParamsBySig(uint256,uint8,address,string,bytes,bytes)",
}  # fmt: skip
STANDARDS = {
    "01ffc9a7": ERC165, "80ac58cd": ERC721, "5b5e139f": ERC721_METADATA, "d9b67a26": ERC1155,
    "0e89341c": ERC1155_METADATA, "4e2312e0": ERC1155_RECEIVER, "2a55205a": ERC2981, "da287a1d": ERC6372,
    "e90fb3f6": VOTES, "7965db0b": ACCESS_CONTROL,
}  # fmt: skip
"""Functions of a standard, by the id its document names; of the last two, OpenZeppelin's."""
BEFORE_IDS = GOVERNOR - {f"getProposalId({_CALLS})"}
"""OpenZeppelin's governor as it was before 5.3, which it still answers for."""
CLAIMS = {
    "ServiceRegistry": (ERC165, ERC721, ERC721_METADATA),
    "AccessToken": (ERC165, ERC1155, ERC1155_METADATA, ERC2981),
    "UsageEscrow": (ERC165, ERC1155_RECEIVER),
    "RevenueShares": (ERC165, ERC1155, ERC1155_METADATA),
    "StakingVault": (ERC165, VOTES, ERC6372),
    "TokenMarket": (ERC165,),
    "DisputeCourt": (ERC165,),
    "ServiceReviews": (ERC165,),
    "EmporionDistributor": (ERC165,),
    "EmporionGovernor": (ERC165, GOVERNOR, BEFORE_IDS, ERC1155_RECEIVER),
    "EmporionTimelock": (ERC165, ACCESS_CONTROL, ERC1155_RECEIVER),
}
OPEN_ZEPPELINS = {"EmporionGovernor", "EmporionTimelock"}
"""Those whose own interface is a getter or nothing: they answer for what they are of OpenZeppelin's."""


def identifier(signatures: set[str]) -> bytes:
    """XOR of the selectors (ERC-165)."""
    selectors = (int.from_bytes(Web3.keccak(text=text)[:4], "big") for text in signatures)
    return reduce(lambda left, right: left ^ right, selectors).to_bytes(4, "big")


def own(name: str) -> set[str]:
    """The functions an interface has itself, without those of the standards it stands on."""
    return set(load(f"I{name}").functions.values()).difference(*CLAIMS[name])


@pytest.fixture(scope="module")
def deployed() -> dict[str, Contract]:
    stage = Stage()
    return deploy_all(stage, [stage.account(number) for number in range(10)])


class TestSupportsInterface:
    @pytest.mark.parametrize("name", CLAIMS)
    def test_what_it_is(self, deployed: dict[str, Contract], name: str) -> None:
        wanted = [*CLAIMS[name], *([] if name in OPEN_ZEPPELINS else [own(name)])]
        answers = {identifier(signatures): self.asked(deployed, name, signatures) for signatures in wanted}
        assert len(answers) == len(wanted)
        assert all(answers.values()), answers

    @pytest.mark.parametrize("name", CLAIMS)
    def test_nothing_else(self, deployed: dict[str, Contract], name: str) -> None:
        function = deployed[name].functions.supportsInterface
        assert [function(word * 4).call() for word in (b"\xff", b"\x00")] == [False, False]
        others = [own(other) for other in CLAIMS if other not in OPEN_ZEPPELINS | {name}]
        others += [found for found in STANDARDS.values() if found not in CLAIMS[name]]
        assert not any(self.asked(deployed, name, signatures) for signatures in others)

    def asked(self, deployed: dict[str, Contract], name: str, signatures: set[str]) -> bool:
        return bool(deployed[name].functions.supportsInterface(identifier(signatures)).call())


class TestTable:
    def test_is_of_all_contracts(self) -> None:
        assert set(COMPLETE) - DEVNET_ONLY == CLAIMS.keys() | {"EmporionToken"}
        assert not ERC165 & set(load("EmporionToken").functions.values())

    @pytest.mark.parametrize("number", STANDARDS)
    def test_ids_are_those_of_the_standards(self, number: str) -> None:
        assert identifier(STANDARDS[number]).hex() == number
