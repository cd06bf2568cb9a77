/**
 * Numbers of the Linux interface, by header.
 *
 * They are alike on x86-64 and arm64 except where a line says otherwise. Any thread; plain numbers, no state. Error
 * numbers live in `errno.ts`, sizes and offsets of structures in `layout.ts`.
 */
const isArm64 = process.arch === "arm64";

// sys/socket.h, asm-generic/socket.h, linux/socket.h

/** Is the unspecified address family: any, in the hints of getaddrinfo(3). */
export const AF_UNSPEC = 0;
/** Is the family of unix domain sockets, unix(7). */
export const AF_UNIX = 1;
/** Is the family of IPv4, ip(7). */
export const AF_INET = 2;
/** Is the family of IPv6, ipv6(7). */
export const AF_INET6 = 10;
/** Is the type of byte streams, socket(2). */
export const SOCK_STREAM = 1;
/** Is the type of a datagram socket, socket(2). */
export const SOCK_DGRAM = 2;
/** Makes a new socket non-blocking, socket(2), accept4(2). */
export const SOCK_NONBLOCK = 0x800;
/** Closes a new socket on exec, socket(2), accept4(2). */
export const SOCK_CLOEXEC = 0x80000;
/** Is the level of socket options themselves, socket(7). */
export const SOL_SOCKET = 1;
/** Allows binding while old connections linger, socket(7). */
export const SO_REUSEADDR = 2;
/** Holds the type of a socket, socket(7). */
export const SO_TYPE = 3;
/** Holds the pending error of a socket, cleared by reading it, socket(7). */
export const SO_ERROR = 4;
/** Holds the size of the send buffer in bytes (twice what was set), socket(7). */
export const SO_SNDBUF = 7;
/** Holds the size of the receive buffer in bytes (twice what was set), socket(7). */
export const SO_RCVBUF = 8;
/** Says what close(2) does with unsent data, socket(7). */
export const SO_LINGER = 13;
/** Lets several sockets listen on one port, socket(7). */
export const SO_REUSEPORT = 15;
/** Attaches a classic BPF filter: packets that it gives 0 for are dropped, socket(7). TCP needs CAP_NET_ADMIN since 2025. */
export const SO_ATTACH_FILTER = 26;
/** Attaches a classic BPF program that chooses among the sockets of a port, by number, socket(7). */
export const SO_ATTACH_REUSEPORT_CBPF = 51;
/** Detaches that program, Linux 5.3. linux/socket.h. */
export const SO_DETACH_REUSEPORT_BPF = 68;
/** Says whether a socket listens, socket(7). */
export const SO_ACCEPTCONN = 30;
/** Looks at bytes without taking them, recv(2). */
export const MSG_PEEK = 0x02;
/** Makes one call non-blocking, send(2), recv(2). */
export const MSG_DONTWAIT = 0x40;
/** Suppresses SIGPIPE, send(2). */
export const MSG_NOSIGNAL = 0x4000;
/** Says that more follows, so the kernel may wait to fill a segment, send(2). */
export const MSG_MORE = 0x8000;
/** Ends the direction that receives, shutdown(2). */
export const SHUT_RD = 0;
/** Ends the direction that sends, shutdown(2). */
export const SHUT_WR = 1;
/** Ends both directions, shutdown(2). */
export const SHUT_RDWR = 2;

// sys/mman.h

/** Pages can be read, mmap(2). */
export const PROT_READ = 1;
/** Pages can be written, mmap(2). */
export const PROT_WRITE = 2;
/** Changes are this process's own, mmap(2). */
export const MAP_PRIVATE = 2;
/** No file: zeroes, mmap(2). */
export const MAP_ANONYMOUS = 0x20;
/** No swap is set aside for pages that may never be touched, mmap(2). */
export const MAP_NORESERVE = 0x4000;

// netinet/in.h, netinet/tcp.h, linux/in6.h

/** Is the protocol and option level TCP, tcp(7). */
export const IPPROTO_TCP = 6;
/** Is the option level of IPv6, ipv6(7). */
export const IPPROTO_IPV6 = 41;
/** Keeps an IPv6 socket from taking IPv4 connections, ipv6(7). */
export const IPV6_V6ONLY = 26;
/** Sends small segments at once, tcp(7). */
export const TCP_NODELAY = 1;
/** Wakes a listener only when data has arrived, or after this many seconds, tcp(7). */
export const TCP_DEFER_ACCEPT = 9;

// netdb.h

/** Asks for addresses to bind to, getaddrinfo(3). */
export const AI_PASSIVE = 1;

// sys/epoll.h, linux/eventpoll.h

/** Closes the epoll descriptor on exec, epoll_create1(2). */
export const EPOLL_CLOEXEC = 0x80000;
/** Adds a descriptor, epoll_ctl(2). */
export const EPOLL_CTL_ADD = 1;
/** Removes a descriptor, epoll_ctl(2). */
export const EPOLL_CTL_DEL = 2;
/** Changes a descriptor's interest, epoll_ctl(2). */
export const EPOLL_CTL_MOD = 3;
/** Means readable, epoll_ctl(2). */
export const EPOLLIN = 0x001;
/** Means writable, epoll_ctl(2). */
export const EPOLLOUT = 0x004;
/** Means an error; reported without being asked for, epoll_ctl(2). */
export const EPOLLERR = 0x008;
/** Means hung up in both directions; reported without being asked for, epoll_ctl(2). */
export const EPOLLHUP = 0x010;
/** Means that the peer ended its sending direction, epoll_ctl(2). */
export const EPOLLRDHUP = 0x2000;
/** Asks for edges instead of levels; the sign bit, so the number is negative as int32. epoll_ctl(2). */
export const EPOLLET: number = 1 << 31;
/** Wakes one of the epoll instances that watch the descriptor instead of all, epoll_ctl(2). */
export const EPOLLEXCLUSIVE: number = 1 << 28;

// sys/eventfd.h

/** Makes an eventfd non-blocking, eventfd(2). */
export const EFD_NONBLOCK = 0x800;
/** Closes an eventfd on exec, eventfd(2). */
export const EFD_CLOEXEC = 0x80000;

// fcntl.h

/** Opens for reading, open(2). */
export const O_RDONLY = 0;
/** Opens for writing, open(2). */
export const O_WRONLY = 1;
/** Opens for both, open(2). */
export const O_RDWR = 2;
/** Opens without ever blocking, open(2). */
export const O_NONBLOCK = 0x800;
/** Makes the file if it is missing, open(2). */
export const O_CREAT = 0x40;
/** Writes at the end, wherever that is by then, open(2). */
export const O_APPEND = 0x400;
/** Closes the descriptor on exec, open(2). */
export const O_CLOEXEC = 0x80000;
/** Fails on a symbolic link at the end of the path, open(2). Differs: 0x8000 on arm64, 0x20000 on x86-64. */
export const O_NOFOLLOW: number = isArm64 ? 0x8000 : 0x20000;
/** Fails unless the path is a directory, open(2). Differs: 0x4000 on arm64, 0x10000 on x86-64. */
export const O_DIRECTORY: number = isArm64 ? 0x4000 : 0x10000;
/** Opens a mere reference to a place in the file system, without reading rights, open(2). */
export const O_PATH = 0x200000;
/** Gives a descriptor's own flags, fcntl(2). */
export const F_GETFD = 1;
/** Sets a descriptor's own flags, fcntl(2). */
export const F_SETFD = 2;
/** Gives the status flags of the open file, fcntl(2). */
export const F_GETFL = 3;
/** Sets the status flags of the open file, fcntl(2). */
export const F_SETFL = 4;
/** Duplicates a descriptor to the lowest free number from the argument on, close-on-exec, fcntl(2). */
export const F_DUPFD_CLOEXEC = 1030;
/** Is the flag of F_GETFD that closes on exec, fcntl(2). */
export const FD_CLOEXEC = 1;

/** Stands for the current directory where a directory's fd is asked for, openat(2). */
export const AT_FDCWD = -100;

// sys/stat.h, linux/stat.h

/** Selects the bits of a mode that hold the type of the file, inode(7). */
export const S_IFMT = 0o170000;
/** Is the type of regular files, inode(7). */
export const S_IFREG = 0o100000;
/** Is the type of directories, inode(7). */
export const S_IFDIR = 0o040000;

// linux/openat2.h

/** Refuses magic links, such as those of /proc/self/fd (ELOOP), openat2(2). */
export const RESOLVE_NO_MAGICLINKS = 0x02;
/** Refuses symbolic links of every kind (ELOOP), openat2(2). */
export const RESOLVE_NO_SYMLINKS = 0x04;
/** Refuses to leave the directory that the path starts from, absolute links included (EXDEV), openat2(2). */
export const RESOLVE_BENEATH = 0x08;
/** Treats the directory that the path starts from as the root, openat2(2). */
export const RESOLVE_IN_ROOT = 0x10;

// asm/unistd.h

/** Is the number of fstat(2). Differs: 80 on arm64, 5 on x86-64. */
export const SYS_FSTAT: number = isArm64 ? 80 : 5;
/** Is the number of openat(2). Differs: 56 on arm64, 257 on x86-64. */
export const SYS_OPENAT: number = isArm64 ? 56 : 257;
/** Is the number of readlinkat(2). Differs: 78 on arm64, 267 on x86-64. */
export const SYS_READLINKAT: number = isArm64 ? 78 : 267;
/** Is the number of openat2(2). */
export const SYS_OPENAT2 = 437;

/** Is the number of gettid(2). Differs: 178 on arm64, 186 on x86-64. */
export const SYS_GETTID: number = isArm64 ? 178 : 186;
/** Is the number of prlimit64(2): 302 on x86-64, 261 on arm64. */
export const SYS_PRLIMIT64: number = isArm64 ? 261 : 302;

// sys/resource.h

/** Is the limit of descriptors, getrlimit(2). */
export const RLIMIT_NOFILE = 7;
