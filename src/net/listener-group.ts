/**
 * Leaving a port that other sockets listen on too (SO_REUSEPORT), without losing connections.
 *
 * For the thread that owns the Listener; nothing here blocks for longer than reading a file of /proc. Linux gives each new
 * connection to one of the sockets of a port by a hash. A socket that is closed takes with it what waits in its accept
 * queue, and every connection whose handshake has begun there: those clients see a reset. Ways round that:
 *
 * | way | needs | what it does |
 * | --- | --- | --- |
 * | net.ipv4.tcp_migrate_req | sysctl, Linux 5.14 | the kernel moves all of them to another socket of the port |
 * | `steerTo` | Linux 4.5 | new connections go to the socket with that number; which number is whose, nobody can ask |
 * | `refuseNew` | CAP_NET_ADMIN | first packets are dropped; the client repeats it after a second, to another socket by then |
 *
 * Source: net/core/sock_reuseport.c, net/ipv4/tcp_ipv4.c, socket(7), ip-sysctl.
 */
import { close, fstat, open, read, setsockopt } from "../../ffi/calls.ts";
import {
  IPPROTO_TCP,
  O_CLOEXEC,
  O_RDONLY,
  SO_ATTACH_FILTER,
  SO_ATTACH_REUSEPORT_CBPF,
  SO_DETACH_REUSEPORT_BPF,
  SOL_SOCKET,
  TCP_DEFER_ACCEPT,
} from "../../ffi/constants.ts";
import {
  SOCK_FILTER_SIZE_BYTES,
  SOCK_FPROG_FILTER_OFFSET,
  SOCK_FPROG_SIZE_BYTES,
  STAT_INODE_OFFSET,
  STAT_SIZE_BYTES,
} from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** One instruction: code, jump if true, jump if false, operand. linux/filter.h. */
type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

const LOAD_BYTE = 0x30;
const JUMP_IF_SET = 0x45;
const RETURN = 0x06;
/** Where a TCP header has its flags, and the one of the first packet. tcp(7), RFC 9293 section 3.1. */
const FLAGS_AT = 13;
const SYN = 0x02;
const TAKE_WHOLE = 0xffffffff;
const LISTENING = "0A";
const PIECE_BYTES = 64 * 1024;

/** The listening sockets of one port, seen from one of them. */
export class ListenerGroup {
  readonly #fd: number;

  /** @param fd a listening TCP socket with SO_REUSEPORT */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether other sockets, of this process or of others, listen on the same address and port. */
  hasOthers(): boolean {
    const inode = inodeOf(this.#fd);
    return [readListening("/proc/self/net/tcp"), readListening("/proc/self/net/tcp6")].some((lines) => {
      const own = lines.find((line) => line.inode === inode);
      return own !== undefined && lines.some((line) => line !== own && line.address === own.address);
    });
  }

  /** Whether the kernel moves connections to other sockets by itself when this one is closed. */
  doesKernelMigrate(): boolean {
    return readText("/proc/sys/net/ipv4/tcp_migrate_req").trim() === "1";
  }

  /** Gives new connections to the socket with this number, counted from 0; false when the kernel does not let us. */
  steerTo(index: number): boolean {
    return attach(this.#fd, SO_ATTACH_REUSEPORT_CBPF, [[RETURN, 0, 0, index]]);
  }

  /** Lets the hash choose again. */
  steerByHash(): void {
    const nothing = NativeBuffer.allocate(4);
    setsockopt(this.#fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, nothing.address, 4);
  }

  /** Drops the first packets of new connections; false when the kernel does not let us. */
  refuseNew(): boolean {
    return attach(this.#fd, SO_ATTACH_FILTER, [
      [LOAD_BYTE, 0, 0, FLAGS_AT],
      [JUMP_IF_SET, 0, 1, SYN],
      [RETURN, 0, 0, 0],
      [RETURN, 0, 0, TAKE_WHOLE],
    ]);
  }

  /** Has connections accepted when their handshake is over, not with their first bytes: these may come too late. */
  acceptEarly(): void {
    const off = NativeBuffer.allocate(4);
    setsockopt(this.#fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, off.address, 4);
  }
}

function attach(fd: number, option: number, program: readonly Instruction[]): boolean {
  const code = NativeBuffer.allocate(program.length * SOCK_FILTER_SIZE_BYTES);
  program.forEach(([opcode, jumpTrue, jumpFalse, operand], index) => {
    const at = index * SOCK_FILTER_SIZE_BYTES;
    code.bytes.writeUInt16LE(opcode, at);
    code.bytes.writeUInt8(jumpTrue, at + 2);
    code.bytes.writeUInt8(jumpFalse, at + 3);
    code.bytes.writeUInt32LE(operand, at + 4);
  });
  const description = NativeBuffer.allocate(SOCK_FPROG_SIZE_BYTES);
  description.bytes.writeUInt16LE(program.length, 0);
  description.bytes.writeBigUInt64LE(BigInt(code.address), SOCK_FPROG_FILTER_OFFSET);
  return setsockopt(fd, SOL_SOCKET, option, description.address, SOCK_FPROG_SIZE_BYTES) >= 0;
}

function inodeOf(fd: number): number {
  const stat = NativeBuffer.allocate(STAT_SIZE_BYTES);
  return fstat(fd, stat.address) < 0 ? -1 : Number(stat.bytes.readBigUInt64LE(STAT_INODE_OFFSET));
}

interface ListeningLine {
  readonly address: string;
  readonly inode: number;
}

/** The listening sockets come first in these files; what follows may be a hundred thousand connections. */
function readListening(path: string): ListeningLine[] {
  const found: ListeningLine[] = [];
  readText(path, (text) => {
    const lines = text.split("\n");
    found.length = 0;
    // The first line is a heading, the last one may be cut.
    for (const line of lines.slice(1, -1)) {
      const [, address, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state !== LISTENING) return false;
      found.push({ address: address!, inode: Number(inode) });
    }
    return true;
  });
  return found;
}

/** Reads a file of /proc, until its end or until `isMoreWanted` says no to what was read so far; "" when it cannot be read. */
function readText(path: string, isMoreWanted: (text: string) => boolean = () => true): string {
  const name = NativeBuffer.cString(path);
  const fd = open(name.address, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return "";
  const piece = NativeBuffer.allocate(PIECE_BYTES);
  let text = "";
  for (
    let length = read(fd, piece.address, PIECE_BYTES);
    length > 0;
    length = read(fd, piece.address, PIECE_BYTES)
  ) {
    text += piece.bytes.toString("latin1", 0, length);
    if (!isMoreWanted(text)) break;
  }
  close(fd);
  return text;
}
