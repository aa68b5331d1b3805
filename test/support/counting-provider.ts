import { type CryptoProvider, crypto } from '../../src/crypto/index.ts'

/** The default provider, counting what it is asked for: how work is bounded is tested in operations, not in time. */
export function countingProvider(): { crypto: CryptoProvider; counts: { hmac: number; agree: number; open: number } } {
  const counts = { hmac: 0, agree: 0, open: 0 }
  const counted: CryptoProvider = {
    ...crypto,
    x25519: {
      generate: () => watch(crypto.x25519.generate()),
      fromSecret: secret => watch(crypto.x25519.fromSecret(secret)),
      lazy: secret => watch(crypto.x25519.lazy(secret))
    },
    hmacSha256: (key, data) => {
      counts.hmac++
      return crypto.hmacSha256(key, data)
    },
    hmacSha512: (key, data) => {
      counts.hmac++
      return crypto.hmacSha512(key, data)
    },
    open: (...args) => {
      counts.open++
      return crypto.open(...args)
    }
  }
  function watch(key: ReturnType<CryptoProvider['x25519']['generate']>): typeof key {
    return {
      publicKey: key.publicKey,
      exportSecret: () => key.exportSecret(),
      agree: publicKey => {
        counts.agree++
        return key.agree(publicKey)
      }
    }
  }
  return { crypto: counted, counts }
}
