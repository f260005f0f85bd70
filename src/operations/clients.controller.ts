import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../access/access.decorators.js';
import { CONFIG, type Config } from '../config/config.js';
import { StepLog } from '../conversations/step-log.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { ChannelFleet } from '../notifications/channel-fleet.service.js';
import { clientView, type ClientView } from './client.view.js';
import { CLIENTS_SCHEMA } from './operations.docs.js';
import { READERS } from './operations.roles.js';

@ApiTags('operations')
@Roles(...READERS)
@Controller('ops/clients')
export class ClientsController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly client: GenesysClient,
    private readonly fleet: ChannelFleet,
    private readonly steps: StepLog,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'What each OAuth client has left: channels, requests a minute, requests a day and for each interaction',
    description:
      "This process's own figures, of at most the last 24 hours; they begin with the process. Add those of all replicas.",
  })
  @ApiOkResponse({ description: 'All of them', schema: CLIENTS_SCHEMA })
  list(): { items: ClientView[] } {
    const channels = { inUse: this.fleet.current.size, max: this.config.channels.maxCount };
    const { budgetView: budget, sent } = this.client;
    return { items: [clientView({ channels, budget, sent, steps: this.steps.steps })] };
  }
}
