import { execFileSync } from 'node:child_process'

/** Where the public server is. */
export const SERVER = '203.0.113.10'
/** The port of host `a`'s router on the public network, which is where its link is cut. */
const PORT_A = 'port-nata'

/** Which part of the network a process runs in: a public server, and two hosts, each in a LAN behind a NAT of its own. */
export type Place = 'server' | 'a' | 'b'

/**
 * Network namespaces of this kernel: a public network 203.0.113.0/24 with a server and two routers, which translate addresses and
 * let nothing in that was not asked for; behind each a LAN with one host. Needs root, ip, nft and tc.
 */
export class Lans implements Disposable {
  readonly #prefix: string
  readonly #names: string[] = []

  /** @param prefix of the namespaces' names */
  constructor(prefix: string) {
    this.#prefix = prefix
    try {
      this.#public()
      this.#lan('a', 1)
      this.#lan('b', 2)
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** The words that run a program there. */
  within(place: Place): [file: string, ...args: string[]] {
    return ['ip', 'netns', 'exec', this.#name(place)]
  }

  /** Of each direction between `a` and the rest, so many per cent of the packets are lost; 0 ends it. */
  lose(percent: number): void {
    this.#in('nata', 'nft', 'flush', 'chain', 'ip', 'talos', 'loss')
    if (percent === 0) return
    const rule = ['numgen', 'random', 'mod', '100', '<', String(percent), 'drop']
    this.#in('nata', 'nft', 'add', 'rule', 'ip', 'talos', 'loss', ...rule)
  }

  /** What goes out of `a`'s LAN, and what comes in, is limited to this rate, such as 1mbit; undefined ends it. */
  limit(rate: string | undefined): void {
    for (const device of ['public', 'lan']) {
      if (rate === undefined) this.#in('nata', 'tc', 'qdisc', 'del', 'dev', device, 'root')
      else {
        const shape = ['tbf', 'rate', rate, 'burst', '16kb', 'latency', '100ms']
        this.#in('nata', 'tc', 'qdisc', 'add', 'dev', device, 'root', ...shape)
      }
    }
  }

  /** The link between `a`'s router and the public network; nobody is told. */
  link(state: 'up' | 'down'): void {
    this.#in('inet', 'ip', 'link', 'set', PORT_A, state)
  }

  /** `a` gets another address in its LAN, and has the old one no more. */
  move(): void {
    this.#in('a', 'ip', 'address', 'flush', 'dev', 'lan')
    this.#in('a', 'ip', 'address', 'add', '10.1.0.3/24', 'dev', 'lan')
    this.#in('a', 'ip', 'route', 'replace', 'default', 'via', '10.1.0.1')
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) execFileSync('ip', ['netns', 'del', name])
    this.#names.length = 0
  }

  #public(): void {
    this.#namespace('inet')
    this.#in('inet', 'ip', 'link', 'add', 'bridge', 'type', 'bridge')
    this.#in('inet', 'ip', 'link', 'set', 'bridge', 'up')
    this.#namespace('server')
    this.#plug('server', `${SERVER}/24`)
  }

  #lan(host: 'a' | 'b', number: number): void {
    const router = `nat${host}`
    this.#namespace(router)
    this.#plug(router, `203.0.113.${number}/24`)
    this.#namespace(host)
    const [outer, inner] = [this.#name(router), this.#name(host)]
    run('ip', 'link', 'add', 'lan', 'netns', outer, 'type', 'veth', 'peer', 'name', 'lan', 'netns', inner)
    this.#address(router, 'lan', `10.${number}.0.1/24`)
    this.#address(host, 'lan', `10.${number}.0.2/24`)
    this.#in(host, 'ip', 'route', 'add', 'default', 'via', `10.${number}.0.1`)
    this.#in(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    this.#in(
      router,
      'nft',
      `table ip talos {
        chain loss { }
        chain forwarding {
          type filter hook forward priority 0; policy drop;
          jump loss
          iifname "lan" accept
          ct state established,related accept
        }
        chain translation { type nat hook postrouting priority 100; oifname "public" masquerade; }
      }`
    )
  }

  /** Connects a namespace to the public network. */
  #plug(name: string, address: string): void {
    const port = `port-${name}`
    const [bridge, end] = [this.#name('inet'), this.#name(name)]
    run('ip', 'link', 'add', port, 'netns', bridge, 'type', 'veth', 'peer', 'name', 'public', 'netns', end)
    this.#in('inet', 'ip', 'link', 'set', port, 'master', 'bridge', 'up')
    this.#address(name, 'public', address)
  }

  #address(name: string, device: string, address: string): void {
    this.#in(name, 'ip', 'address', 'add', address, 'dev', device)
    this.#in(name, 'ip', 'link', 'set', device, 'up')
  }

  #namespace(name: string): void {
    run('ip', 'netns', 'add', this.#name(name))
    this.#names.push(this.#name(name))
    this.#in(name, 'ip', 'link', 'set', 'lo', 'up')
  }

  #in(name: string, ...command: string[]): void {
    run('ip', 'netns', 'exec', this.#name(name), ...command)
  }

  #name(name: string): string {
    return `${this.#prefix}-${name}`
  }
}

function run(file: string, ...args: string[]): void {
  execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
}
