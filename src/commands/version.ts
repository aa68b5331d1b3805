import { BaseCommand } from '../cli/base-command.ts'

export default class Version extends BaseCommand {
  static override description = 'Print the version of Talos, Node.js and the platform'
  static override examples = ['<%= config.bin %> version --json']

  async run(): Promise<{ talos: string; node: string; platform: string }> {
    await this.parse(Version)
    const versions = {
      talos: this.config.version,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`
    }
    this.log(`talos ${versions.talos} (Node.js ${versions.node}, ${versions.platform})`)
    return versions
  }
}
